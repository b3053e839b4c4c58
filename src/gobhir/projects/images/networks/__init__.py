"""Networks for pictures, each as its paper draws it: VGG, ResNet, MobileNetV2, EfficientNet-Lite0.
They stand on PyTorch alone; the images project trains them, lessons may read and change them.
Start reading in vgg.py (the plainest), then resnet.py, mobilenet.py, efficientnet_lite.py.
"""
